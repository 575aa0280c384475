package rollcall;

import com.netflix.appinfo.AmazonInfo;
import com.netflix.appinfo.InstanceInfo;
import com.netflix.appinfo.InstanceInfo.PortType;
import com.netflix.discovery.shared.Application;
import com.netflix.discovery.shared.Applications;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** What the library made of an answer, as plain maps and lists. */
final class Views {
  private Views() {}

  static Map<String, Object> of(Applications applications) {
    List<Object> instances = new ArrayList<>();
    for (Application application : applications.getRegisteredApplications())
      for (InstanceInfo info : application.getInstancesAsIsFromEureka()) instances.add(of(info));
    Map<String, Object> view = new LinkedHashMap<>();
    view.put("hashcode", applications.getAppsHashCode());
    view.put("reconciled", applications.getReconcileHashCode());
    view.put("version", applications.getVersion());
    view.put("instances", instances);
    return view;
  }

  static List<Object> of(List<InstanceInfo> infos) {
    List<Object> views = new ArrayList<>();
    for (InstanceInfo info : infos) views.add(of(info));
    return views;
  }

  static Map<String, Object> of(InstanceInfo info) {
    Map<String, Object> view = new LinkedHashMap<>();
    view.put("app", info.getAppName());
    view.put("appGroup", info.getAppGroupName());
    view.put("id", info.getId());
    view.put("hostName", info.getHostName());
    view.put("ipAddr", info.getIPAddr());
    view.put("status", info.getStatus());
    view.put("overriddenStatus", info.getOverriddenStatus());
    view.put("port", info.getPort());
    view.put("portEnabled", info.isPortEnabled(PortType.UNSECURE));
    view.put("securePort", info.getSecurePort());
    view.put("securePortEnabled", info.isPortEnabled(PortType.SECURE));
    view.put("vip", info.getVIPAddress());
    view.put("secureVip", info.getSecureVipAddress());
    view.put("homePageUrl", info.getHomePageUrl());
    view.put("statusPageUrl", info.getStatusPageUrl());
    view.put("healthCheckUrls", new ArrayList<>(info.getHealthCheckUrls()));
    view.put("asgName", info.getASGName());
    view.put("metadata", new TreeMap<>(info.getMetadata()));
    view.put("dataCenter", info.getDataCenterInfo().getName());
    if (info.getDataCenterInfo() instanceof AmazonInfo)
      view.put("amazon", new TreeMap<>(((AmazonInfo) info.getDataCenterInfo()).getMetadata()));
    view.put("renewalInterval", info.getLeaseInfo() == null ? null : info.getLeaseInfo().getRenewalIntervalInSecs());
    view.put("duration", info.getLeaseInfo() == null ? null : info.getLeaseInfo().getDurationInSecs());
    view.put("registeredAt", info.getLeaseInfo() == null ? null : info.getLeaseInfo().getRegistrationTimestamp());
    view.put("lastDirtyTimestamp", info.getLastDirtyTimestamp());
    view.put("lastUpdatedTimestamp", info.getLastUpdatedTimestamp());
    view.put("coordinating", info.isCoordinatingDiscoveryServer());
    view.put("action", info.getActionType());
    return view;
  }
}
